variable "active_cluster" {
  description = "Key of the cluster that takes conditional writes; the others replicate. Moving it is the failover. Without it, the first cluster by name."
  type        = string
  default     = null
}

variable "active_profile" {
  description = "Id of the app profile by which services reach the active cluster."
  type        = string
  default     = "active"
}

variable "backup" {
  description = "Automated backups of every table, one each `frequency`, kept for `retention`."
  type = object({
    frequency = optional(string, "24h")
    retention = optional(string, "168h")
  })
  default = {}
}

variable "clusters" {
  description = "Clusters by id: zone, key that encrypts it (in the cluster's region), and bounds and targets of its autoscaling."
  type = map(object({
    zone           = string
    kms_key_id     = optional(string)
    min_nodes      = optional(number, 1)
    max_nodes      = optional(number, 3)
    cpu_target     = optional(number, 60)
    storage_target = optional(number)
    storage_type   = optional(string, "SSD")
  }))
  validation {
    condition     = length(var.clusters) > 0
    error_message = "At least one cluster is needed."
  }
  validation {
    condition = alltrue([
      for each in values(var.clusters) : each.min_nodes >= 1 && each.min_nodes <= each.max_nodes
    ])
    error_message = "A cluster has 1 to max_nodes nodes at the least."
  }
  validation {
    condition = alltrue([
      for each in values(var.clusters) : each.cpu_target >= 10 && each.cpu_target <= 80
    ])
    error_message = "The CPU target is 10 to 80 percent."
  }
}

variable "column_family" {
  description = "The one column family of every table."
  type        = string
}

variable "deletion_protection" {
  description = "Whether instance and tables refuse to be deleted."
  type        = bool
  default     = true
}

variable "instance_name" {
  description = "Id of the instance."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,31}[a-z0-9]$", var.instance_name))
    error_message = "The id begins with a letter and has 6 to 33 of a-z, 0-9 and -."
  }
}

variable "labels" {
  description = "Labels of the instance."
  type        = map(string)
  default     = {}
}

variable "project_id" {
  description = "Project of the instance."
  type        = string
}

variable "tables" {
  description = "Tables by name: seconds after which cells may go (null keeps them), and the form of the row key, which is for the reader."
  type = map(object({
    max_age_s = optional(number)
    key       = optional(string)
  }))
  validation {
    condition = alltrue([
      for each in values(var.tables) : each.max_age_s == null ? true : each.max_age_s > 0
    ])
    error_message = "A table's max_age_s is above 0, or null."
  }
}
