"""Who sells for the shop: one package per channel, each with the same file names."""
