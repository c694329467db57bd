"""One query for each data file of the site, the build of its pages, and the server that shows it."""
