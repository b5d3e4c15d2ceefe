"""Bounds on the suboptimality by Fenchel duality, and whether an optimum exists."""
