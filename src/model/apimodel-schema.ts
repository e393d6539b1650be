import { z } from 'zod';
import { certificateProfileSchema } from './certificate-profile.js';

const NAME = z.string('a text').min(1, 'a text');

/** These become parts of paths, of command lines and of names in certificates: nothing in them may mean anything there. */
const USER = NAME.regex(
  /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/,
  'the name of a user: a letter, then letters, digits, "-", "_" and "."',
);
const LABEL = NAME.regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
  'letters, digits, "-" and "_", at most 63 of them',
);
const HOST = z
  .string('a text')
  .regex(/^([A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.(?=.)|$))*\.?$/, 'the name or address of a host');

const COUNT = z.int('a whole number').positive('a number above 0');

const privateCluster = z.looseObject({ enabled: z.boolean().nullish() }).nullish();

const apiServerConfig = z.looseObject({ '--secure-port': z.string().nullish() }).nullish();

const masterProfile = z.looseObject(
  {
    count: COUNT,
    dnsPrefix: LABEL,
    fqdn: HOST.nullish(),
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
  name: LABEL,
  count: z.int('a whole number').nonnegative('0 or more'),
  osType: z.enum(['', 'Linux', 'Windows'], '"Linux" or "Windows"').nullish(),
});

/** Of Windows nodes; how they are reached is read by `windowsProfileOf`. */
const windowsProfile = z
  .looseObject({
    adminUsername: NAME,
    sshEnabled: z.boolean('true or false').nullish(),
  })
  .nullish();

const environment = z.looseObject({ resourceManagerVMDNSSuffix: HOST.nullish() });

/** What a rotation reads of an aks-engine API model; all else is kept and not looked at. */
export const apiModelSchema = z.looseObject(
  {
    apiVersion: z.literal('vlabs', '"vlabs"'),
    location: z
      .string('a text')
      .regex(/^[A-Za-z0-9 _-]*$/, 'the name of an Azure location')
      .nullish(),
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
        linuxProfile: z.looseObject({ adminUsername: USER }, 'an object'),
        certificateProfile: certificateProfileSchema,
        customCloudProfile: z.looseObject({ environment: environment.nullish() }).nullish(),
      },
      'an object',
    ),
  },
  'an API model, a JSON object',
);

export type ApiModelDocument = z.output<typeof apiModelSchema>;
