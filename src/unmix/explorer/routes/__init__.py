"""The addresses of the server, by subject; `unmix.explorer.app` puts them together."""
