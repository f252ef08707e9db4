"""`hexiao demo`: a shop that exists for an afternoon, with its platforms simulated beside it."""
