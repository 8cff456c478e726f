output "active_region" {
  description = "Region that serves."
  value       = var.active_region
}

output "bigtable_instance" {
  description = "Instance that holds the tables."
  value       = module.bigtable.instance_name
}

output "clusters" {
  description = "Regions to their Kubernetes clusters."
  value = {
    for region, each in module.gke : region => {
      dns_endpoint  = each.dns_endpoint
      workload_pool = each.workload_pool
      zones         = each.zones
    }
  }
}

output "dead_letters" {
  description = "Subscription to its dead letter subscription."
  value       = module.pubsub.dead_letters
}

output "media_bucket" {
  description = "Bucket of pictures; null without media."
  value       = one(module.storage[*].bucket_name)
}

output "media_backend_bucket_id" {
  description = "Media behind the CDN; null without media."
  value       = one(module.storage[*].backend_bucket_id)
}

output "project_id" {
  description = "Project of everything."
  value       = var.project_id
}

output "quotas" {
  description = "What each region may come to use, to compare with the project's quotas: vCPUs by machine family, nodes and GB of their disks, Bigtable's nodes, and Valkey's nodes."
  value = {
    for region, each in var.regions : region => {
      vcpus = {
        for family in distinct([for pool in values(each.node_pools) : split("-", pool.machine_type)[0]]) : family => sum([
          for pool in values(each.node_pools) : pool.max_nodes * length(each.zones) * tonumber(reverse(split("-", pool.machine_type))[0])
          if startswith(pool.machine_type, "${family}-")
        ])
      }
      nodes          = sum([for pool in values(each.node_pools) : pool.max_nodes * length(each.zones)])
      disk_gb        = sum([for pool in values(each.node_pools) : pool.max_nodes * length(each.zones) * pool.disk_size_gb])
      bigtable_nodes = each.bigtable.max_nodes
      valkey_nodes   = sum([for cluster in [each.valkey, each.nonces] : cluster.shard_count * (1 + cluster.replica_count)])
    }
  }
}

output "schema_role" {
  description = "Role by which services look whether their tables and subscriptions are there."
  value       = google_project_iam_custom_role.schema_reader.id
}

output "secrets" {
  description = "Environment variables to ids of secrets."
  value = {
    for variable, name in local.secret_names : variable => module.secrets.secret_ids[name]
  }
}

output "signing_keys" {
  description = "Id of the secret that holds the keys by which processes sign requests."
  value       = module.secrets.secret_ids[local.signing_keys]
}

output "valkey" {
  description = "Regions to their Valkey clusters: what caches, what remembers nonces, who signed their certificates, and the addresses that they are in."
  value = {
    for region, each in var.regions : region => {
      cache  = module.valkey[region].address
      nonces = module.nonces[region].address
      certificate_authorities = join("\n", distinct([
        module.valkey[region].certificate_authorities, module.nonces[region].certificate_authorities,
      ]))
      range = each.ranges.psc
    }
  }
}
