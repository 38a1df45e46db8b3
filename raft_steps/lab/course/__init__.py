"""The notebooks and what is made from them: editions for learners, handouts for students, the nbgrader course."""
