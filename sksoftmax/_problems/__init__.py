"""What a solver may ask of an objective: value, gradient, curvature, gap and cost."""
