"""A quadratic model updated by BFGS with observed changes of the gradient."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Corrected:
    """The model ``B - W' M W``: BFGS in compact form, B the model it starts from.

    Byrd, Nocedal and Schnabel (1994), Mathematical Programming 63, theorem 2.3.
    """

    model: object
    W: np.ndarray  # (2 n_pairs, n_parameters)
    M: np.ndarray
    is_exact = False

    @property
    def scale(self):
        return self.model.scale

    def apply(self, vector):
        return self.model.apply(vector) - (self.M @ (self.W @ vector)) @ self.W


def corrected(model, pairs):
    """The model that maps each step to the change that it made."""
    if not pairs:
        return model
    steps = np.stack([pair.step for pair in pairs])
    changes = np.stack([pair.change for pair in pairs])
    images = np.stack([model.apply(step) for step in steps])
    products = steps @ changes.T
    lower = np.tril(products, -1)
    middle = np.block([[steps @ images.T, lower], [lower.T, -np.diag(np.diag(products))]])
    # Scaled to a unit diagonal: steps shrink by orders of magnitude.
    size = np.sqrt(np.abs(np.diag(middle)))
    size[size == 0] = 1  # where the model is flat there is nothing to correct by
    M = np.linalg.pinv(middle / size / size[:, None], rcond=1e-12, hermitian=True)
    return Corrected(model, np.concatenate([images, changes]), M / size / size[:, None])
