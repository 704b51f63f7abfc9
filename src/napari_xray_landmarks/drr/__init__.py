"""Digitally reconstructed radiographs: line integrals through volumes, and the physics that makes a film of them."""
