// Drives a fault proxy with the client of Toxiproxy's own repository; see ../driver.py.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

// request has the fields of all requests; Do says which one it is.
type request struct {
	Do         string               `json:"do"`
	Name       string               `json:"name"`
	Listen     string               `json:"listen"`
	Upstream   string               `json:"upstream"`
	Proxy      string               `json:"proxy"`
	Proxies    []toxiproxy.Proxy    `json:"proxies"`
	Toxic      toxiproxy.Toxic      `json:"toxic"`
	Toxicity   float32              `json:"toxicity"`
	Attributes toxiproxy.Attributes `json:"attributes"`
}

type answer struct {
	Ok    any    `json:"ok"`
	Error string `json:"error,omitempty"`
}

func do(server *toxiproxy.Client, asked request) (any, error) {
	switch asked.Do {
	case "version":
		version, err := server.Version()
		return string(version), err
	case "proxies":
		proxies, err := server.Proxies()
		names := []string{}
		for name := range proxies {
			names = append(names, name)
		}
		sort.Strings(names)
		return names, err
	case "create":
		return server.CreateProxy(asked.Name, asked.Listen, asked.Upstream)
	case "populate":
		proxies, err := server.Populate(asked.Proxies)
		names := []string{}
		for _, proxy := range proxies {
			names = append(names, proxy.Name)
		}
		sort.Strings(names)
		return names, err
	case "reset":
		return nil, server.ResetState()
	case "proxy", "change", "enable", "disable", "delete":
		return doProxy(server, asked)
	default:
		return doToxic(server, asked)
	}
}

func doProxy(server *toxiproxy.Client, asked request) (any, error) {
	proxy, err := server.Proxy(asked.Name)
	if err != nil {
		return nil, err
	}
	switch asked.Do {
	case "change":
		if asked.Listen != "" {
			proxy.Listen = asked.Listen
		}
		if asked.Upstream != "" {
			proxy.Upstream = asked.Upstream
		}
		return proxy, proxy.Save()
	case "enable":
		return nil, proxy.Enable()
	case "disable":
		return nil, proxy.Disable()
	case "delete":
		return nil, proxy.Delete()
	}
	return proxy, nil
}

func doToxic(server *toxiproxy.Client, asked request) (any, error) {
	proxy, err := server.Proxy(asked.Proxy)
	if err != nil {
		return nil, err
	}
	switch asked.Do {
	case "add_toxic":
		toxic := asked.Toxic
		_, err = proxy.AddToxic(
			toxic.Name, toxic.Type, toxic.Stream, toxic.Toxicity, toxic.Attributes)
		return nil, err
	case "update_toxic":
		_, err = proxy.UpdateToxic(asked.Name, asked.Toxicity, asked.Attributes)
		return nil, err
	case "remove_toxic":
		return nil, proxy.RemoveToxic(asked.Name)
	case "toxic":
		toxics, err := proxy.Toxics()
		for _, toxic := range toxics {
			if toxic.Name == asked.Name {
				return toxic, nil
			}
		}
		return nil, err
	}
	return nil, fmt.Errorf("unknown request: %s", asked.Do)
}

func main() {
	server := toxiproxy.NewClient(os.Args[1])
	lines := bufio.NewScanner(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			panic(err)
		}
		value, err := do(server, asked)
		if err != nil {
			_ = answers.Encode(answer{Error: err.Error()})
			continue
		}
		_ = answers.Encode(answer{Ok: value})
	}
}
