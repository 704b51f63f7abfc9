"""What networks of several methods share while they learn: epochs that can be taken up, step sizes, mean weights."""
