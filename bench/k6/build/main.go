// The k6 that `npm run k6:build` builds: k6's own command and the extensions imported here. Versions: go.mod.
package main

import "go.k6.io/k6/cmd"

func main() {
	cmd.Execute()
}
