"""scikit-learn's checks of arrays, on large numbers too.

They look for nan in the sum of all entries, which may overflow, and cast what other dtypes hold:
NumPy's warnings of that say nothing that the check does not.
"""

import numpy as np
from sklearn.utils import assert_all_finite as _assert_all_finite
from sklearn.utils import check_array as _check_array
from sklearn.utils.validation import validate_data as _validate_data

check_array = np.errstate(all="ignore")(_check_array)
validate_data = np.errstate(all="ignore")(_validate_data)
assert_all_finite = np.errstate(all="ignore")(_assert_all_finite)
