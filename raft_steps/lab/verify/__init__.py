"""Whether a Node keeps its promises: properties, model checker, linearizability, fuzzer, conformance."""
