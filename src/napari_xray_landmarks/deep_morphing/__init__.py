"""Method 2: a network finds the outline, a shape is morphed onto it ("deep morphing")."""
