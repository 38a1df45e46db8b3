"""The notebooks and everything made from them: the learner's edition, handouts for students, the nbgrader course."""
