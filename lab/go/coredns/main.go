// Stand-in for CoreDNS, built in the Kubernetes source tree with its vendored client-go and miekg/dns: serves the
// cluster's zone from Services and Endpoints, forwards the rest. Takes CoreDNS's -conf and reads of the Corefile what
// kubeadm writes there (zone, ttl, forward). Ports as kubeadm's Deployment wants them: 53, health 8080, ready 8181.
package main

import (
	"flag"
	"fmt"
	"io/ioutil"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const byAddress = "address"

type server struct {
	zone      string // "cluster.local."
	ttl       uint32
	upstreams []string
	services  cache.Indexer
	endpoints cache.Indexer
}

// configure reads a Corefile leniently: the zone of the `kubernetes` plugin, `ttl`, and where `forward` goes.
func (s *server) configure(path string) error {
	content, err := ioutil.ReadFile(path)
	if err != nil {
		return err
	}
	resolver := "/etc/resolv.conf"
	for _, line := range strings.Split(string(content), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[0] == "kubernetes":
			s.zone = dns.Fqdn(words[1])
		case len(words) > 1 && words[0] == "ttl":
			if ttl, err := strconv.ParseUint(words[1], 10, 32); err == nil {
				s.ttl = uint32(ttl)
			}
		case len(words) > 2 && words[0] == "forward":
			resolver = words[2]
		}
	}
	if !strings.HasPrefix(resolver, "/") {
		if _, _, err := net.SplitHostPort(resolver); err != nil {
			resolver = net.JoinHostPort(resolver, "53")
		}
		s.upstreams = []string{resolver}
		return nil
	}
	settings, err := dns.ClientConfigFromFile(resolver)
	if err != nil {
		return err
	}
	for _, address := range settings.Servers {
		s.upstreams = append(s.upstreams, net.JoinHostPort(address, settings.Port))
	}
	return nil
}

func serviceAddresses(object interface{}) ([]string, error) {
	return []string{object.(*v1.Service).Spec.ClusterIP}, nil
}

func endpointAddresses(object interface{}) ([]string, error) {
	var found []string
	for _, subset := range object.(*v1.Endpoints).Subsets {
		for _, address := range subset.Addresses {
			found = append(found, address.IP)
		}
	}
	return found, nil
}

func (s *server) header(name string, kind uint16) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: kind, Class: dns.ClassINET, Ttl: s.ttl}
}

func (s *server) addresses(name string, ips []string) []dns.RR {
	var records []dns.RR
	for _, text := range ips {
		ip := net.ParseIP(text)
		if four := ip.To4(); four != nil {
			records = append(records, &dns.A{Hdr: s.header(name, dns.TypeA), A: four})
		} else if ip != nil {
			records = append(records, &dns.AAAA{Hdr: s.header(name, dns.TypeAAAA), AAAA: ip})
		}
	}
	return records
}

// hostname is the label of one endpoint: its own host name, else its address with dashes.
func hostname(address v1.EndpointAddress) string {
	if address.Hostname != "" {
		return address.Hostname
	}
	return strings.NewReplacer(".", "-", ":", "-").Replace(address.IP)
}

// lookup returns the records of a name below the zone, and whether the name exists at all.
func (s *server) lookup(name string) ([]dns.RR, bool) {
	inner := strings.TrimSuffix(strings.TrimSuffix(name, s.zone), ".")
	if inner == "" {
		return nil, true
	}
	labels := strings.Split(inner, ".")
	if inner == "dns-version" {
		return []dns.RR{&dns.TXT{Hdr: s.header(name, dns.TypeTXT), Txt: []string{"1.1.0"}}}, true
	}
	last := len(labels) - 1
	switch {
	case labels[last] == "svc" && last >= 2:
		return s.service(name, labels[:last-2], labels[last-2], labels[last-1])
	case labels[last] == "pod" && last == 2:
		ip := strings.Replace(labels[0], "-", ".", -1)
		records := s.addresses(name, []string{ip})
		return records, len(records) > 0
	}
	return nil, inner == "svc" || inner == "pod"
}

func (s *server) service(name string, before []string, service, namespace string) ([]dns.RR, bool) {
	object, exists, _ := s.services.GetByKey(namespace + "/" + service)
	if !exists {
		return nil, false
	}
	spec := object.(*v1.Service).Spec
	if spec.Type == v1.ServiceTypeExternalName {
		return []dns.RR{&dns.CNAME{Hdr: s.header(name, dns.TypeCNAME), Target: dns.Fqdn(spec.ExternalName)}}, len(before) == 0
	}
	var subsets []v1.EndpointSubset
	if found, ok, _ := s.endpoints.GetByKey(namespace + "/" + service); ok {
		subsets = found.(*v1.Endpoints).Subsets
	}
	own := fmt.Sprintf("%s.%s.svc.%s", service, namespace, s.zone)
	headless := spec.ClusterIP == v1.ClusterIPNone
	var records []dns.RR
	switch {
	case len(before) == 0 && !headless:
		return s.addresses(name, []string{spec.ClusterIP}), true
	case len(before) <= 1: // all endpoints, or the one that is named
		for _, subset := range subsets {
			for _, address := range subset.Addresses {
				if len(before) == 0 || before[0] == hostname(address) {
					records = append(records, s.addresses(name, []string{address.IP})...)
				}
			}
		}
		return records, len(records) > 0
	case len(before) == 2 && strings.HasPrefix(before[0], "_") && strings.HasPrefix(before[1], "_"):
		port, protocol := before[0][1:], before[1][1:]
		srv := func(target string, number int32) dns.RR {
			return &dns.SRV{Hdr: s.header(name, dns.TypeSRV), Weight: 100, Port: uint16(number), Target: target}
		}
		if !headless {
			for _, one := range spec.Ports {
				if one.Name == port && strings.EqualFold(string(one.Protocol), protocol) {
					records = append(records, srv(own, one.Port))
				}
			}
			return records, len(records) > 0
		}
		for _, subset := range subsets {
			for _, one := range subset.Ports {
				if one.Name == port && strings.EqualFold(string(one.Protocol), protocol) {
					for _, address := range subset.Addresses {
						records = append(records, srv(hostname(address)+"."+own, one.Port))
					}
				}
			}
		}
	}
	return records, len(records) > 0
}

// reverse returns the PTR records of an in-addr.arpa name whose address is a Service's or a headless one's endpoint.
func (s *server) reverse(name string) []dns.RR {
	parts := strings.Split(strings.TrimSuffix(name, ".in-addr.arpa."), ".")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	ip := strings.Join(parts, ".")
	var records []dns.RR
	ptr := func(target string) {
		records = append(records, &dns.PTR{Hdr: s.header(name, dns.TypePTR), Ptr: target})
	}
	services, _ := s.services.ByIndex(byAddress, ip)
	for _, object := range services {
		service := object.(*v1.Service)
		ptr(fmt.Sprintf("%s.%s.svc.%s", service.Name, service.Namespace, s.zone))
	}
	all, _ := s.endpoints.ByIndex(byAddress, ip)
	for _, object := range all {
		endpoints := object.(*v1.Endpoints)
		service, exists, _ := s.services.GetByKey(endpoints.Namespace + "/" + endpoints.Name)
		if !exists || service.(*v1.Service).Spec.ClusterIP != v1.ClusterIPNone {
			continue
		}
		for _, subset := range endpoints.Subsets {
			for _, address := range subset.Addresses {
				if address.IP == ip {
					ptr(fmt.Sprintf("%s.%s.%s.svc.%s", hostname(address), endpoints.Name, endpoints.Namespace, s.zone))
				}
			}
		}
	}
	return records
}

// ServeDNS answers from the API for the cluster's zone and its addresses; asks the upstream servers for the rest.
func (s *server) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	if len(query.Question) != 1 {
		dns.HandleFailed(w, query)
		return
	}
	question := query.Question[0]
	name := strings.ToLower(question.Name)
	reply := new(dns.Msg)
	reply.SetReply(query)
	reply.Authoritative, reply.RecursionAvailable = true, true
	if dns.IsSubDomain(s.zone, name) {
		records, exists := s.lookup(name)
		for _, record := range records {
			kind := record.Header().Rrtype
			if kind == question.Qtype || kind == dns.TypeCNAME || question.Qtype == dns.TypeANY {
				record.Header().Name = question.Name
				reply.Answer = append(reply.Answer, record)
			}
		}
		if !exists {
			reply.Rcode = dns.RcodeNameError
		}
		if len(reply.Answer) == 0 {
			reply.Ns = []dns.RR{&dns.SOA{Hdr: s.header(s.zone, dns.TypeSOA), Ns: "ns.dns." + s.zone,
				Mbox: "hostmaster." + s.zone, Serial: uint32(time.Now().Unix()), Refresh: 7200, Retry: 1800, Expire: 86400, Minttl: s.ttl}}
		}
		_ = w.WriteMsg(reply)
		return
	}
	if question.Qtype == dns.TypePTR && strings.HasSuffix(name, ".in-addr.arpa.") {
		if reply.Answer = s.reverse(name); len(reply.Answer) > 0 {
			_ = w.WriteMsg(reply)
			return
		}
	}
	client := &dns.Client{Net: w.LocalAddr().Network(), Timeout: 2 * time.Second}
	for _, upstream := range s.upstreams {
		if answer, _, err := client.Exchange(query, upstream); err == nil {
			answer.Id = query.Id
			_ = w.WriteMsg(answer)
			return
		}
	}
	dns.HandleFailed(w, query)
}

func main() {
	conf := flag.String("conf", "/etc/coredns/Corefile", "the Corefile")
	port := flag.String("dns.port", "53", "port of the DNS service")
	flag.Parse()
	s := &server{zone: "cluster.local.", ttl: 30}
	if err := s.configure(*conf); err != nil {
		log.Fatal(err)
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		log.Fatal(err)
	}
	config.Dial = (&net.Dialer{Timeout: 2 * time.Second}).DialContext // kube-proxy may not have made its rules yet
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	services, endpoints := factory.Core().V1().Services().Informer(), factory.Core().V1().Endpoints().Informer()
	if err := services.AddIndexers(cache.Indexers{byAddress: serviceAddresses}); err != nil {
		log.Fatal(err)
	}
	if err := endpoints.AddIndexers(cache.Indexers{byAddress: endpointAddresses}); err != nil {
		log.Fatal(err)
	}
	s.services, s.endpoints = services.GetIndexer(), endpoints.GetIndexer()
	factory.Start(make(chan struct{}))

	ready := func() bool { return services.HasSynced() && endpoints.HasSynced() }
	probe := func(address, path string, good func() bool) {
		mux := http.NewServeMux()
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if !good() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			fmt.Fprintln(w, "OK")
		})
		log.Fatal(http.ListenAndServe(address, mux))
	}
	go probe(":8080", "/health", func() bool { return true })
	go probe(":8181", "/ready", ready)
	for !ready() {
		time.Sleep(100 * time.Millisecond)
	}
	log.Printf("serving %s, everything else goes to %v", s.zone, s.upstreams)
	go func() { log.Fatal((&dns.Server{Addr: ":" + *port, Net: "tcp", Handler: s}).ListenAndServe()) }()
	log.Fatal((&dns.Server{Addr: ":" + *port, Net: "udp", Handler: s}).ListenAndServe())
}
