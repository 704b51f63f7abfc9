"""View-invariant landmarks (paper 002): a network that predicts belief maps in stages, from any view."""
