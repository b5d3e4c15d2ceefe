"""What the package runs in: settings of the process and the thread, versions, and types.

The settings are the number of BLAS threads (``blas``) and NumPy's handling of floating-point errors
(``quiet``). Only modules here change such settings: each restores them, even if an interrupt comes
between two instructions. ``versions`` says what is installed; ``types`` names the types that users
pass and get; ``public`` marks what is public; ``warn`` warns at the user's line. Nothing else of
the package is known here.
"""
