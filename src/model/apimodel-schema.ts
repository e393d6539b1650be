import { z } from 'zod';
import { certificateProfileSchema } from './certificate-profile.js';

const NAME = z.string('a text').min(1, 'a text');
const COUNT = z.int('a whole number').positive('a number above 0');

const privateCluster = z.looseObject({ enabled: z.boolean().nullish() }).nullish();

const apiServerConfig = z.looseObject({ '--secure-port': z.string().nullish() }).nullish();

const masterProfile = z.looseObject(
  {
    count: COUNT,
    dnsPrefix: NAME,
    fqdn: z.string().nullish(),
    subjectAltNames: z.array(z.string()).nullish(),
    firstConsecutiveStaticIP: z.string().nullish(),
    availabilityProfile: z
      .enum(
        ['', 'AvailabilitySet', 'VirtualMachineScaleSets'],
        '"AvailabilitySet" or "VirtualMachineScaleSets"',
      )
      .nullish(),
  },
  'an object',
);

const agentPool = z.looseObject({
  name: NAME,
  count: z.int('a whole number').nonnegative('0 or more'),
  osType: z.enum(['', 'Linux', 'Windows'], '"Linux" or "Windows"').nullish(),
});

/** Of Windows nodes: SSH asks for user and password. */
const windowsProfile = z
  .looseObject({
    adminUsername: NAME,
    adminPassword: z.string('a text').nullish(),
    sshEnabled: z.boolean('true or false').nullish(),
  })
  .nullish();

const environment = z.looseObject({ resourceManagerVMDNSSuffix: z.string().nullish() });

/** What a rotation reads of an aks-engine API model; all else is kept and not looked at. */
export const apiModelSchema = z.looseObject(
  {
    apiVersion: z.literal('vlabs', '"vlabs"'),
    location: z.string().nullish(),
    properties: z.looseObject(
      {
        orchestratorProfile: z.looseObject(
          {
            orchestratorType: z.literal('Kubernetes', '"Kubernetes"'),
            orchestratorVersion: NAME,
            kubernetesConfig: z
              .looseObject({ privateCluster, serviceCidr: z.string().nullish(), apiServerConfig })
              .nullish(),
          },
          'an object',
        ),
        masterProfile,
        agentPoolProfiles: z.array(agentPool).nullish(),
        windowsProfile,
        linuxProfile: z.looseObject({ adminUsername: NAME }, 'an object'),
        certificateProfile: certificateProfileSchema,
        customCloudProfile: z.looseObject({ environment: environment.nullish() }).nullish(),
      },
      'an object',
    ),
  },
  'an API model, a JSON object',
);

export type ApiModelDocument = z.output<typeof apiModelSchema>;
