"""The tests, laid out as `src/unmix` is."""
