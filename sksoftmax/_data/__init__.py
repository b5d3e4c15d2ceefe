"""What users pass, checked and encoded once.

scikit-learn's validation begins here. Below it there are only floating X, class indices or
distributions, and positive weights. Nothing here knows of models.
"""
