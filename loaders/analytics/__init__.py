"""`./run analytics`: questions asked of the lake, with what a few seeds can show and no more."""
