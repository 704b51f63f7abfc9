"""Shapes: alignment, distributions of points, sparse composition, registration, distances."""
