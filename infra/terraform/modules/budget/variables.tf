variable "amount" {
  description = "What a month may cost, in whole units of `currency`."
  type        = number
  validation {
    condition     = var.amount > 0 && floor(var.amount) == var.amount
    error_message = "The amount is a whole number above 0."
  }
}

variable "billing_account" {
  description = "Id of the billing account, such as 012345-567890-ABCDEF."
  type        = string
  validation {
    condition     = can(regex("^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$", var.billing_account))
    error_message = "A billing account's id has three groups of six hex digits."
  }
}

variable "currency" {
  description = "Currency of the billing account."
  type        = string
  default     = "USD"
}

variable "name" {
  description = "Shown name of the budget."
  type        = string
}

variable "notification_channels" {
  description = "Monitoring channels that are notified, beside the billing administrators."
  type        = list(string)
  default     = []
  validation {
    condition     = length(var.notification_channels) <= 5
    error_message = "A budget notifies at most 5 channels."
  }
}

variable "project_number" {
  description = "Number of the project whose costs count."
  type        = string
}

variable "thresholds" {
  description = "Shares of the amount at which a notification is sent: of what is spent, and of what the month is forecast to cost."
  type = object({
    spent    = optional(list(number), [0.5, 0.9, 1.0])
    forecast = optional(list(number), [1.0, 1.2])
  })
  default = {}
}
