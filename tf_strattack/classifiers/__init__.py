"""Models: any image classifier as one differentiable function, checked at first use."""
