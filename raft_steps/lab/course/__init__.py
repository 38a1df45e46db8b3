"""The notebooks, and what is made of them: editions, handouts, the nbgrader course."""
