variable "active_region" {
  description = "Region that serves. Moving it is the failover."
  type        = string
  validation {
    condition     = contains(keys(var.regions), var.active_region)
    error_message = "The active region is not among the regions."
  }
}

variable "billing" {
  description = "Billing account and what a month may cost; no budget without it."
  type = object({
    account  = string
    amount   = number
    currency = optional(string, "USD")
  })
  default = null
}

variable "deletion_protection" {
  description = "Whether what holds data, and the clusters, refuse to be deleted."
  type        = bool
  default     = true
}

variable "media" {
  description = "Bucket of media, its location, the origins that may upload to it, and whether a key signs URLs of it yet; none without it."
  type = object({
    bucket         = string
    location       = string
    upload_origins = optional(list(string), [])
    signed_urls    = optional(bool, false)
  })
  default = null
}

variable "name" {
  description = "Prefix of names."
  type        = string
  default     = "aviary"
}

variable "project_id" {
  description = "Project of everything."
  type        = string
}

variable "regions" {
  description = "Regions by name: zones of nodes, address ranges, the zone of the Bigtable cluster, node pools by class (counts are for each zone), and bounds of Bigtable and Valkey."
  type = map(object({
    zones = list(string)
    ranges = object({
      nodes    = string
      pods     = string
      services = string
      psc      = string
    })
    bigtable = object({
      zone      = string
      min_nodes = optional(number, 1)
      max_nodes = optional(number, 3)
    })
    node_pools = map(object({
      machine_type = string
      min_nodes    = optional(number, 1)
      max_nodes    = number
      disk_size_gb = optional(number, 50)
      spot         = optional(bool, false)
    }))
    valkey = optional(object({
      node_type     = optional(string, "STANDARD_SMALL")
      shard_count   = optional(number, 3)
      replica_count = optional(number, 1)
    }), {})
    nonces = optional(object({
      node_type     = optional(string, "STANDARD_SMALL")
      shard_count   = optional(number, 1)
      replica_count = optional(number, 1)
    }), {})
  }))
}
