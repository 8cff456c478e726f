variable "deletion_protection" {
  description = "Whether the instance refuses to be deleted."
  type        = bool
  default     = true
}

variable "engine_configs" {
  description = "Settings of the server. A cache must be free to evict, or a full one fails writes."
  type        = map(string)
  default     = { "maxmemory-policy" = "allkeys-lru" }
}

variable "kms_key_id" {
  description = "Key that encrypts the instance, of its region; Google's own without one."
  type        = string
  default     = null
}

variable "labels" {
  description = "Labels of the instance."
  type        = map(string)
  default     = {}
}

variable "name" {
  description = "Id of the instance."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.name))
    error_message = "The id begins with a letter and has 4 to 63 of a-z, 0-9 and -."
  }
}

variable "network_id" {
  description = "VPC whose services use the instance."
  type        = string
}

variable "node_type" {
  description = "Size of a node."
  type        = string
  default     = "STANDARD_SMALL"
  validation {
    condition     = contains(["SHARED_CORE_NANO", "STANDARD_SMALL", "HIGHMEM_MEDIUM", "HIGHMEM_XLARGE"], var.node_type)
    error_message = "The node type is SHARED_CORE_NANO, STANDARD_SMALL, HIGHMEM_MEDIUM or HIGHMEM_XLARGE."
  }
}

variable "project_id" {
  description = "Project of the instance."
  type        = string
}

variable "region" {
  description = "Region of the instance."
  type        = string
}

variable "replica_count" {
  description = "Replicas of each shard, in other zones."
  type        = number
  default     = 1
  validation {
    condition     = var.replica_count >= 0 && var.replica_count <= 5
    error_message = "A shard has 0 to 5 replicas."
  }
}

variable "shard_count" {
  description = "Shards of the cluster."
  type        = number
  default     = 3
  validation {
    condition     = var.shard_count >= 1
    error_message = "A cluster has at least one shard."
  }
}
