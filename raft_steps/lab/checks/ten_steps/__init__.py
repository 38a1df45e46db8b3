"""The ten steps of the post, as a test."""
