package main

import "net/http"

// page is the web page of the demo.
func (s *simulators) page() http.Handler { return http.NotFoundHandler() }
