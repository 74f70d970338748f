"""From candidate to champion: decisions as pure functions, and the controller that acts on them."""
