"""Cameras and transforms between planes and spaces."""
