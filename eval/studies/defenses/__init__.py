"""Networks trained with a defence, and what an attack makes of them."""
