"""A quadratic model that BFGS corrects by observed changes of the gradient."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Corrected:
    """The model ``B - W' M W``: BFGS in compact form, B being the model that it corrects.

    Byrd, Nocedal and Schnabel (1994), Mathematical Programming 63, theorem 2.3.

    model : B
    W : ndarray of shape (2 * n_pairs, n_parameters)
    M : ndarray of shape (2 * n_pairs, 2 * n_pairs)
    """

    model: object
    W: np.ndarray
    M: np.ndarray
    is_exact = False

    @property
    def scale(self):
        return self.model.scale

    def apply(self, vector):
        return self.model.apply(vector) - (self.M @ (self.W @ vector)) @ self.W


def corrected(model, pairs):
    """The model corrected by pairs: it maps the last step to the change of the gradient along it.

    pairs : sequence of Pair, the latest last; none leave the model as it is
    """
    if not pairs:
        return model
    steps = np.stack([pair.step for pair in pairs])
    changes = np.stack([pair.change for pair in pairs])
    images = np.stack([model.apply(step) for step in steps])
    products = steps @ changes.T
    lower = np.tril(products, -1)
    middle = np.block([[steps @ images.T, lower], [lower.T, -np.diag(np.diag(products))]])
    # Scaled to a unit diagonal, since the lengths of steps differ by orders of magnitude.
    size = np.sqrt(np.abs(np.diag(middle)))
    size[size == 0] = 1  # the model has no curvature along a step
    M = np.linalg.pinv(middle / size / size[:, None], rcond=1e-12, hermitian=True)
    return Corrected(model, np.concatenate([images, changes]), M / size / size[:, None])
