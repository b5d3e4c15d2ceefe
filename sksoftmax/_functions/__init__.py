"""softmax and its relatives on arrays of any shape and of any array library.

Public functions check their own arguments (``checks``) and are written twice: ``on_numpy`` and
``on_array_api``. Nothing here knows of rows, models or estimators.
"""
