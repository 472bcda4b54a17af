"""How much of a perturbation saliency and class activation explain, behind `python -m eval.interpretability`."""
