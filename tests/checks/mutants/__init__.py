"""First-order mutants of every step's Node, and the checks that must fail each of them."""
