"""Follow what happens in town as one case, from the first alarm or call to its cause."""
