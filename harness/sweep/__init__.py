"""Many runs: a grid, and the engines that train it."""
