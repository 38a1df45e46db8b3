"""Grading without a database: submissions in, scores and a page for each student out.

    orchestrator (`run`)      a judge at a time for each core, limits of time, results written as they come
      judge (`judge`)         reads a submission, drives its Nodes by events, applies checks, rules and the search
        child (`child`)       holds the submission's Nodes, in a cage, and answers what each event has changed

A verdict comes from the judge, which runs none of the submission's code. What the child can forge is the behaviour of
its own Node, and that is what is graded.
"""
