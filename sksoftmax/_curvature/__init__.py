"""The Hessian, its approximations, and what each costs.

A preconditioner is made from weighted second moments of the columns, which are sums over rows.
"""
