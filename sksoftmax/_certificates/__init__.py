"""Upper bounds on ``value - optimum`` by Fenchel duality, and tests whether an optimum exists.

Functions of an objective and a point, which may take passes over the rows. When a proof is asked
for, and what is done without one, is decided above: problems and runs of solvers are not known
here.
"""
