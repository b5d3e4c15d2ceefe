"""What is not collected: files of the package that need what is not installed."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("dask") else ["sksoftmax/_data/dask/*.py"]
