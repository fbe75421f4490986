"""Keys of DLWorkspace that `dlws.config.schema` does not describe.

Only its templates read them; the suite passes them on unchanged. Source: `params.py` (branches V0.1.6.1 and v1.5.0
of Apulis-AI-Platform) and the `cnf["..."]` of its templates and services.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

UPSTREAM_KEYS: Final = frozenset(
    """
    Dashboards DeployAuthentications WinbindServers acsagentsize acskubeconfig activeDirectory allroles
    api-server-ip api_servers apiserver_names_ssl_aggregator apiserver_ssl_dns apiserver_ssl_ip azure_blob_log
    azure_cluster basic_auth build-docker-via-config cloud-init cloud_config cloud_config_nsg_rules
    cloud_elasticsearch_node cloud_elasticsearch_port cloud_influxdb_node cloud_influxdb_port cloud_influxdb_tp_port
    clusterId cluster_name_friendly coreoschannel coreosunits coreosusebaseurl coreosversion coreoswritefiles
    cur_nfs_node data_disk_mnt_path defalt_virtual_cluster_device_type_list default_cpu_sku
    default_cpulimit default_cpurequest default_kube_labels_by_node_role default_memorylimit default_memoryrequest
    discovery_url dns-server-ip dnsPolicy dnsservers docker-run dockerprefix dockertag domain-offset domain_name
    elasticsearch elasticsearch_node enable_blobfuse enable_cpuworker enable_jobmanager_debug_mode enable_vc
    endpoint_use_private_ip escaped_api_servers escaped_etcd_endpoints etcd3port1 etcd3port2 etcd3portserver
    etcd_endpoints etcd_node etcd_node_ip etcd_private_ip etcd_ssl_dns etcd_ssl_ip etcd_user files2share fileshares
    fluent_bit folder_auto_share glusterFS grafana grafana-zh grafana_data_path grafana_endpoint hdfsconfig
    heketi-docker homeininterval homeinserver i18n inference influxdb_data_path influxdb_port influxdb_rpc_port
    influxdb_tp_port infrastructure-dockers inituser isacs job-exporter job-manager k8Sdaemon k8s-bld k8s-gitrepo
    k8scri-gitbranch k8scri-gitrepo kube_addons kube_configchanges kube_custom_cri kube_custom_scheduler
    kube_services_2_start kubeletlogdir kubeletloglevel kubelogdir kubeloglevel kubemarks kubernetes_master_node
    launch-glusterfs-opt local-mount-path local_fast_storage localdisk master_ip master_ip_ssl_aggregator
    master_private_ip master_token mount_and_link mountconfig mountdescription mountsupportedbycoreos
    mysql_node mysql_username mysqlserver_node nccl_ib_disable network-trusted-domains
    nfs-mnt-src-path nfs-server nfs_client_CIDR nfs_mnt_setup nfs_user node-exporter nvidia-driver-path
    nvidiadriverversion partition-configuration per_user_gpu_limit physical-mount-path-vc platform-scripts priority
    private_docker_credential private_docker_registry private_docker_registry_username prometheus
    prometheus_data_path prometheus_endpoint proxy pxeoptions pxeserverip pxeserverrootpasswd registry_credential
    render-by-copy render-by-copy-ext render-by-copy-full render-exclude repairmanager repairmanageretcd rest-api
    restapi restfulapi restfulapi_node restfulapiport scheduler_name service_2_docker_map sku_meta smbUserPassword
    smbUsername smtp sqlserver-database sqlserver-hostname sqlserver-password sqlserver-username sshKeys ssh_cert
    ssh_port sshkey ssl_localhost_ips startupscripts storage-mount-path-name storage_manager storagemanager
    systemdisk ubuntuImageName ubuntuImageUrl ubuntuconfig unifi_router usefreeflow usermanagerapitoken vc_config
    vc_node_hard_assignment vc_without_shared_storage watchdog webportal_node workFolderAccessPoint
    worker-dockerregistry worker_user
    db_archtype enable_avisuals endpoint_use_short_domian fake_device freeflow glusterfs grafana_alert
    hdfs_cluster_name influxdb_node infrastructure-dockerregistry kube-vip mysqlserver nfs_node platform_name
    postgres_password postgres_port
    postgres_username saml_idp_metadata_url saml_root_url secret_key_for_password storage_type vc_url
    """.split()  # noqa: SIM905
)

NESTED: Final[Mapping[tuple[str, ...], frozenset[str]]] = {
    ("dockers",): frozenset({"container", "customize", "external", "infrastructure", "system"}),
    ("network",): frozenset({"externalDnsServers", "trusted-domains"}),
    ("repair-manager",): frozenset({"etcd", "prometheus-ip", "prometheus-port"}),
}
"""The same within sections that it does describe, by the path of the section."""


def within(section: tuple[str | int, ...]) -> frozenset[str]:
    """The keys that only upstream's templates read in a section, `()` for the top level."""
    return NESTED.get(tuple(map(str, section)), frozenset()) if section else UPSTREAM_KEYS
