// A device plugin for cards that are not there: speaks the real protocol with the real kubelet (the stub of the
// kubelet's own tests does the gRPC), and offers what the host shows: the rows of the GPU table that the NVIDIA
// runtime mounts, or the davinci nodes below /dev. Looks again every second; a card that is gone is withdrawn.
package main

import (
	"fmt"
	"io/ioutil"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
	"k8s.io/kubernetes/pkg/kubelet/cm/devicemanager"
)

const (
	gpuTable = "/etc/dlws-lab/gpu.tsv"
	every    = time.Second
	// A fault of the lab: while this folder is there, the last card is held back. (Kubelet clears files away, not folders.)
	holdBack = pluginapi.DevicePluginPath + "lab-hold-back"
)

type kind struct {
	resource string
	cards    func() ([]string, error)
	allocate func(ids []string) *pluginapi.ContainerAllocateResponse
}

func (k kind) offered() ([]string, error) {
	ids, err := k.cards()
	if _, missing := os.Stat(holdBack); missing == nil && len(ids) > 0 {
		ids = ids[:len(ids)-1]
	}
	return ids, err
}

var kinds = map[string]kind{
	"gpu": {"nvidia.com/gpu", gpus, func(ids []string) *pluginapi.ContainerAllocateResponse {
		return &pluginapi.ContainerAllocateResponse{Envs: map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(ids, ",")}}
	}},
	"npu": {"npu.huawei.com/NPU", npus, func(ids []string) *pluginapi.ContainerAllocateResponse {
		answer := &pluginapi.ContainerAllocateResponse{}
		for _, name := range append(ids, "davinci_manager", "devmm_svm", "hisi_hdc") {
			node := "/dev/" + strings.TrimSuffix(name, "-0")
			answer.Devices = append(answer.Devices, &pluginapi.DeviceSpec{HostPath: node, ContainerPath: node, Permissions: "rwm"})
		}
		return answer
	}},
}

// gpus returns the UUIDs of the table that the lab's nvidia-container-runtime puts into a container.
func gpus() ([]string, error) {
	content, err := ioutil.ReadFile(gpuTable)
	if err != nil {
		return nil, fmt.Errorf("failed to initialize NVML: could not load NVML library. "+
			"If this is a GPU node, did you set the docker default runtime to `nvidia`? (%v)", err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	column := -1
	for i, name := range strings.Split(lines[0], "\t") {
		if name == "uuid" {
			column = i
		}
	}
	if column < 0 {
		return nil, fmt.Errorf("%s has no column uuid", gpuTable)
	}
	var found []string
	for _, line := range lines[1:] {
		found = append(found, strings.Split(line, "\t")[column])
	}
	return found, nil
}

// npus returns davinci0-0 ... as the platform's plugin names them.
func npus() ([]string, error) {
	nodes, err := filepath.Glob("/dev/davinci[0-9]*")
	var found []string
	for _, node := range nodes {
		found = append(found, filepath.Base(node)+"-0")
	}
	sort.Strings(found)
	return found, err
}

func devices(ids []string) []*pluginapi.Device {
	var all []*pluginapi.Device
	for _, id := range ids {
		all = append(all, &pluginapi.Device{ID: id, Health: pluginapi.Healthy})
	}
	return all
}

// serve registers with the kubelet and reports changes until the kubelet comes up anew (it then removes our socket).
func serve(what kind) error {
	ids, err := what.offered()
	if err != nil {
		return err
	}
	socket := filepath.Join(pluginapi.DevicePluginPath, strings.NewReplacer("/", "-", ".", "-").Replace(what.resource)+".sock")
	stub := devicemanager.NewDevicePluginStub(devices(ids), socket, what.resource, false, false)
	stub.SetAllocFunc(func(r *pluginapi.AllocateRequest, known map[string]pluginapi.Device) (*pluginapi.AllocateResponse, error) {
		answer := &pluginapi.AllocateResponse{}
		for _, request := range r.ContainerRequests {
			for _, id := range request.DevicesIDs {
				if _, ok := known[id]; !ok {
					return nil, fmt.Errorf("unknown device %s", id)
				}
			}
			answer.ContainerResponses = append(answer.ContainerResponses, what.allocate(request.DevicesIDs))
		}
		return answer, nil
	})
	if err := stub.Start(); err != nil {
		return err
	}
	// No folder named: beside a file DEPRECATION there the stub would wait for the kubelet's plugin watcher.
	if err := stub.Register(pluginapi.KubeletSocket, what.resource, ""); err != nil {
		_ = stub.Stop()
		return err
	}
	log.Printf("registered %s with %d devices", what.resource, len(ids))
	for ; ; time.Sleep(every) {
		if _, err := os.Stat(socket); os.IsNotExist(err) {
			log.Print("the kubelet was restarted")
			return stub.Stop()
		}
		now, err := what.offered()
		if err != nil {
			now = nil
		}
		if strings.Join(now, " ") != strings.Join(ids, " ") {
			log.Printf("%s: %d devices, now %d", what.resource, len(ids), len(now))
			ids = now
			stub.Update(devices(ids))
		}
	}
}

func main() {
	what, known := kinds[os.Getenv("DEVICE_KIND")]
	if !known {
		log.Fatal("DEVICE_KIND must be gpu or npu; the image sets it")
	}
	for last := ""; ; time.Sleep(2 * time.Second) {
		if err := serve(what); err != nil && err.Error() != last {
			last = err.Error()
			log.Print(last)
		}
	}
}
