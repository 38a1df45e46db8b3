"""Tests of the steps, and of the rules that a step keeps."""
