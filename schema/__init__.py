"""Who asks: the GraphQL face of `core`, one file per part of core, same names."""
