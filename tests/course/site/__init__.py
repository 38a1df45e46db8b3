"""Tests of the course as a site."""
