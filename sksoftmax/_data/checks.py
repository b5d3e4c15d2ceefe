"""scikit-learn's checks of arrays, on large numbers too.

They look for nan in the sum of all entries, which may overflow, and cast what other dtypes hold:
NumPy's warnings of that say nothing that the check does not.
"""

from sklearn.utils import assert_all_finite as _assert_all_finite
from sklearn.utils import check_array as _check_array
from sklearn.utils.validation import validate_data as _validate_data

from sksoftmax._runtime.quiet import quiet

check_array = quiet(_check_array)
validate_data = quiet(_validate_data)
assert_all_finite = quiet(_assert_all_finite)
