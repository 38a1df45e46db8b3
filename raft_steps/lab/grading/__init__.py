"""Grading without a database: submissions in, scores and a page for each student out.

    run             one judge per core, with time limits; results are written as they arrive
      judge         reads a submission, drives its Nodes by events, applies checks, properties and the model checker
        worker      runs the submission's Nodes with limited rights, and reports what each event changed

run, judge and worker are three processes. The verdict is the judge's, which runs none of the submission's code. All
that a submission can forge is how its own Node behaves, and that is what is graded.
"""
