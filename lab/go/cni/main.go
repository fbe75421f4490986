// The lab's pod network, one process a node: writes the node's CNI configuration from its podCIDR, keeps a static
// route to every other node's podCIDR (all nodes share one L2 network), and masquerades what leaves pods and nodes.
package main

import (
	"fmt"
	"io/ioutil"
	"log"
	"net"
	"os"
	"os/exec"
	"sort"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	file     = "/etc/cni/net.d/10-lab.conflist"
	protocol = 77 // marks our routes: those to nodes that left are ours to remove
	chain    = "LAB-POD-NETWORK"
	every    = 2 * time.Second
)

const conflist = `{
  "cniVersion": "0.3.1",
  "name": "lab",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true, "ipMasq": false,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "%s"}]]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`

func internalIP(node *v1.Node) net.IP {
	for _, address := range node.Status.Addresses {
		if address.Type == v1.NodeInternalIP {
			return net.ParseIP(address.Address)
		}
	}
	return nil
}

func run(stdin string, words ...string) error {
	command := exec.Command(words[0], words[1:]...)
	command.Stdin = strings.NewReader(stdin)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %v: %s", strings.Join(words, " "), err, out)
	}
	return nil
}

// ensure appends a rule unless it is there already.
func ensure(table, parent string, rule ...string) error {
	with := func(verb string) []string {
		return append([]string{"iptables", "-w", "10", "-t", table, verb, parent}, rule...)
	}
	if run("", with("-C")...) == nil {
		return nil
	}
	return run("", with("-A")...)
}

// filter lets pods through Docker's FORWARD policy, and hides them behind the node from all but pods and nodes.
func filter(own string, inside []string) error {
	lines := []string{"*nat", ":" + chain + " - [0:0]"}
	for _, network := range append(inside, "224.0.0.0/4") {
		lines = append(lines, fmt.Sprintf("-A %s -d %s -j RETURN", chain, network))
	}
	lines = append(lines, fmt.Sprintf("-A %s -j MASQUERADE", chain), "COMMIT", "")
	if err := run(strings.Join(lines, "\n"), "iptables-restore", "--noflush", "-w", "10"); err != nil {
		return err
	}
	if err := ensure("nat", "POSTROUTING", "-s", own, "-j", chain); err != nil {
		return err
	}
	if err := ensure("filter", "FORWARD", "-i", "cni0", "-j", "ACCEPT"); err != nil {
		return err
	}
	return ensure("filter", "FORWARD", "-o", "cni0", "-j", "ACCEPT")
}

// route makes our routes equal to `wanted`: podCIDR -> the address of its node.
func route(wanted map[string]net.IP) error {
	present, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: protocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	for _, old := range present {
		if old.Dst != nil && wanted[old.Dst.String()] == nil {
			log.Printf("removing the route to %s", old.Dst)
			if err := netlink.RouteDel(&netlink.Route{Dst: old.Dst, Protocol: protocol}); err != nil {
				return err
			}
		}
	}
	for subnet, gateway := range wanted {
		_, destination, err := net.ParseCIDR(subnet)
		if err != nil {
			return err
		}
		if err := netlink.RouteReplace(&netlink.Route{Dst: destination, Gw: gateway, Protocol: protocol}); err != nil {
			return fmt.Errorf("route %s via %s: %v", subnet, gateway, err)
		}
	}
	return nil
}

// apply brings this node up to date; `state` tells whether anything that the rules depend on has changed.
func apply(name string, nodes []*v1.Node) (state string, err error) {
	own, inside, routes := "", []string{}, map[string]net.IP{}
	for _, node := range nodes {
		ip := internalIP(node)
		if ip == nil || node.Spec.PodCIDR == "" {
			continue
		}
		inside = append(inside, node.Spec.PodCIDR, ip.String()+"/32")
		if node.Name == name {
			own = node.Spec.PodCIDR
		} else {
			routes[node.Spec.PodCIDR] = ip
		}
	}
	if own == "" {
		return "", fmt.Errorf("node %s has no podCIDR: was kubeadm given a podSubnet?", name)
	}
	sort.Strings(inside)
	if err := route(routes); err != nil {
		return "", err
	}
	if err := filter(own, inside); err != nil {
		return "", err
	}
	text := fmt.Sprintf(conflist, own)
	if before, _ := ioutil.ReadFile(file); string(before) != text {
		if err := ioutil.WriteFile(file+".new", []byte(text), 0644); err != nil {
			return "", err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("own %s, routes %v", own, routes), nil
}

func main() {
	config, err := rest.InClusterConfig()
	if err != nil {
		log.Fatal(err)
	}
	// Until kube-proxy has made its rules nobody answers at the API's Service address: try again soon.
	config.Dial = (&net.Dialer{Timeout: 2 * time.Second}).DialContext
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	nodes := factory.Core().V1().Nodes()
	nodes.Informer()
	stop := make(chan struct{})
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	last := ""
	for ; ; time.Sleep(every) {
		all, err := nodes.Lister().List(labels.Everything())
		if err != nil {
			log.Fatal(err)
		}
		state, err := apply(os.Getenv("NODE_NAME"), all)
		if err != nil {
			state = err.Error()
		}
		if state != last {
			log.Print(state)
			last = state
		}
	}
}
